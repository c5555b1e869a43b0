#!/bin/sh
# Installs the Debian packages of system-packages.txt if it has permission (apt, as root); otherwise it names what is
# missing. Never fails: a test whose component is missing is skipped and names it, and .ci/run makes that a failure.
cd "$(dirname "$0")" || exit 1
missing=
# A command counts whatever package it comes from: Node's own package includes npm and conflicts with Debian's.
while read -r package command; do
    if [ -n "$command" ]; then
        command -v "$command" >/dev/null || missing="$missing $package"
    else
        dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' \
            || missing="$missing $package"
    fi
done <<END
$(sed -e 's/ *#.*//' -e '/^$/d' system-packages.txt)
END
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing the system packages$missing"
    # shellcheck disable=SC2086 -- a list of names
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $missing; } >/dev/null \
        && exit 0
fi
echo "Not installed, so the tests that need them are skipped:$missing" >&2
