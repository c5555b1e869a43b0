"""Names from a source in messages: a header or a file's name may hold what identifies a patient, and is then not shown.

This is the only place that decides it. A name is shown if it consists of words that are declared or that tables and
files are usually called by; anything else is replaced by its place.
"""

import re
from collections.abc import Collection
from datetime import date

# Words of column headers, beside those of the declared columns.
_OF_COLUMNS = """
    account acct adj adjustment age allowed amount amt balance batch billed birth charge charges city claim code
    codes comment copay country county cpt created currency date datetime day deductible denial department dept
    desc description diag diagnosis discharge dob dx email encounter end ethnicity extra fax file first flag from
    gender group hcpcs icd id ids insert inserted insurance key kind language last line loc location member middle
    modified modifier month mrn name names new no note notes npi num number old order other paid patient payer
    payor phone place plan policy post posted prefix primary proc procedure provider qty quantity race reason rec
    record ref referral region remark row seq sequence serial service sex source ssn start state status street
    suffix system tel text time to total type unit units unused update updated user value version visit ward year
    zip
"""
# Words of file names, beside those of the declared pattern, system and table.
_OF_FILES = """
    adjustments admissions again appointments apr april archive as aug august bad bills bulk claims clinics cms
    copy corrected correction csv daily dat data dec december delta denials departments diagnoses draft early
    eligibility empty encounters eob era export extract feb february final full good gz header headers hospital
    inbox incremental initial jan january json jul july jun june landing large late load mar march may members
    monthly nov november npidata nppes oct october of older one part patients payers payments pfile pipe
    procedures providers q1 q2 q3 q4 rejects remit remits remittance report resend resent same semicolon sep
    september statements tab test tmp transactions two txt upload visits wards weekly xls xlsx xml yearly
"""
_COLUMN_WORDS = frozenset(_OF_COLUMNS.split())
_FILE_WORDS = _COLUMN_WORDS | frozenset(_OF_FILES.split())
_LONGEST_NAME = 60
_WORD = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+|[^\W\d_]+")
_PARTS_OF_A_COLUMN = re.compile(r"[A-Za-z0-9_ .#/()%-]+")
# A file's name is judged piece by piece: letters, digits, or both.
_PIECE = re.compile(r"[^\W_]+")
_NUMBERED = re.compile(r"(part|page|file|batch|v|run)\d{1,3}", re.IGNORECASE)
_BATCH = re.compile(r"\d{8}T\d{12}")
_SSN = re.compile(r"(?<!\d)\d{3}[-_. ]\d{2}[-_. ]\d{4}(?!\d)|(?<!\d)\d{3}[-_. ]\d{3}[-_. ]\d{4}(?!\d)")
# Files of the past that are still sent; a date before is taken for a birth date.
_YEARS_OF_FILES = 15
HIDDEN = "~"


def words_of(texts: Collection[str]) -> frozenset[str]:
    """Words of declared names, in lower case: PatientID and patient_id are patient and id."""
    return frozenset(word.lower() for text in texts for word in _WORD.findall(text))


def looks_like_column(name: str) -> bool:
    """Whether a name may become a column: letters first, few digits, no value such as a date or an amount."""
    return (
        len(name) <= _LONGEST_NAME
        and re.fullmatch(r"[^\W\d_][^\W]*(?:[ _./#()%-]+[^\W]+)*[ )%#]*", name) is not None
        and len(re.findall(r"\d", name)) <= 2
    )


def shown_column(name: str, place: int, declared: Collection[str]) -> str:
    """A name of a source's header for a message, after the word column: itself if made of known words, else its place.

    Args:
        name: As the header has it.
        place: Its place in the header, from 1.
        declared: Names of declared columns, of which it may repeat words.
    """
    if name in declared:
        return name
    words = words_of([name])
    is_plain = len(name) <= _LONGEST_NAME and _PARTS_OF_A_COLUMN.fullmatch(name) is not None
    return name if is_plain and words and words <= words_of(declared) | _COLUMN_WORDS else str(place)


def shown_file(name: str, declared: Collection[str] = ()) -> str:
    """A file's path for messages, logs and audit: pieces that are no known word, date or short number become ``~``.

    Args:
        name: Path below the landing folder.
        declared: Texts whose words are known: the pattern, the system, the table.
    """
    known = words_of(declared) | _FILE_WORDS
    hidden = _SSN.sub(HIDDEN, name)
    return _PIECE.sub(lambda piece: piece[0] if _is_known(piece[0], known) else HIDDEN, hidden)


def _is_known(piece: str, known: Collection[str]) -> bool:
    lower = piece.lower()
    # Initials and numbers of parts identify nobody.
    is_short = len(piece) <= 2 or (len(piece) == 3 and any(sign.isdigit() for sign in piece))
    if is_short or lower in known or _BATCH.fullmatch(piece):
        return True
    if piece.isdecimal():
        return len(piece) <= 3 or _is_day(piece)
    if _NUMBERED.fullmatch(piece):
        return True
    words = [word.lower() for word in _WORD.findall(piece)]
    return bool(words) and all(word in known for word in words if not word.isdecimal()) and _has_few_digits(piece)


def _has_few_digits(piece: str) -> bool:
    digits = re.findall(r"\d+", piece)
    return all(len(number) <= 3 or _is_day(number) for number in digits)


def _is_day(digits: str) -> bool:
    """Whether digits are a recent year, month or day: 2024, 202412, 20241231, 12312024."""
    forms = {4: (digits + "0101",), 6: (digits + "01",), 8: (digits, digits[4:] + digits[:4])}
    this_year = date.today().year  # noqa: DTZ011 - a day more or less does not matter
    for form in forms.get(len(digits), ()):
        year, month, day = int(form[:4]), int(form[4:6]), int(form[6:])
        if this_year - _YEARS_OF_FILES <= year <= this_year + 1 and 1 <= month <= 12 and 1 <= day <= 31:
            return True
    return False
