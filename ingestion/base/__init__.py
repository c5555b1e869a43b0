"""The base that the other packages import: settings, secrets, storage, errors and messages; imports none of them."""
