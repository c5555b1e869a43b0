"""Amounts that a source writes as text: DuckDB's SQL for the grammar of macros/staging/read_amount.sql."""

from ingestion.declared.dialect import NumberFormat

# Digits, and those behind the point, that are kept: ten thousand million rows of them can be summed.
DIGITS, SCALE = 28, 10
# The signs between thousands and before cents of each format, as parts of a character class.
_SIGNS: dict[NumberFormat, tuple[str, str]] = {
    "1,234.56": (",", "."),
    "1.234,56": (".", ","),
    "1 234,56": (" ", ","),
    "1'234.56": ("'\u2019", "."),
    "plain": ("", "."),
}
_USUAL: NumberFormat = "1,234.56"
_CURRENCY = "([$\u20ac\u00a3]|USD|EUR|GBP|CHF)"
_BLANKS = (
    "\t\r\n\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u202f\u205f\u3000\ufeff"
)
# 1.234 and 1,234, which are a thousand and more in one country, and one and some in the other.
_AMBIGUOUS = "^[^0-9]*[1-9][0-9]{0,2}[.,][0-9]{3}[^0-9]*$"
# What only a country with a decimal comma writes.
_DECIMAL_COMMA = "^[^0-9]*([0-9]+,[0-9]{1,2}|[0-9]{1,3}([. ][0-9]{3})+,[0-9]+|[0-9]{1,3}([.][0-9]{3}){2,})[^0-9]*$"


def exact_amount(text: str, number_format: NumberFormat | None) -> str:
    """SQL of a text's amount as decimal(28, 10), NULL where it is none.

    Args:
        text: SQL of the trimmed text.
        number_format: Format of the source; None reads 1,234.56.
    """
    thousands, point = _SIGNS[number_format or _USUAL]
    whole = f"([0-9]{{1,3}}([{thousands}][0-9]{{3}})+|[0-9]+)" if thousands else "[0-9]+"
    body = f"({whole}([{point}][0-9]*)?|[{point}][0-9]+)"
    amount = f"({_CURRENCY}[ ]?)?{body}([ ]?{_CURRENCY})?"
    minus, negative = "[-\u2212]", _literal("[-(\u2212]")
    shape = f"^([+\u2212-]?[ ]?{amount}|{_CURRENCY}[ ]?{minus}{body}|{amount}[ ]?{minus}|[(]{amount}[)])$"
    digits = f"regexp_replace({text}, {_literal(f'[^0-9{point}]')}, '', 'g')"
    sign = f"case when regexp_matches({text}, {negative}) then '-' else '' end"
    plain = "^-?[0-9]{1,10}([.][0-9]{0,6})?$" if point == "." else "^-?[0-9]{1,10}$"
    return (
        # Most amounts fit 64 bits, which are read a hundred times as fast as 128.
        f"case when regexp_matches({text}, {_literal(plain)}) then try_cast({text} as decimal(18, 6)) "
        f"when regexp_matches({text}, {_literal(shape)}) "
        f"then try_cast({sign} || replace({digits}, ',', '.') as decimal({DIGITS}, {SCALE})) end"
    )


def is_ambiguous(text: str) -> str:
    """SQL that is true where a trimmed text is one amount with a decimal point and another with a decimal comma."""
    return f"regexp_matches({text}, {_literal(_AMBIGUOUS)})"


def has_decimal_comma(text: str) -> str:
    """SQL that is true where a trimmed text is an amount only with a decimal comma."""
    return f"regexp_matches({text}, {_literal(_DECIMAL_COMMA)})"


def trimmed(text: str) -> str:
    """SQL of a text without the white space of any kind around it."""
    spaced = f"translate({text}, {_literal(_BLANKS)}, {_literal(' ' * len(_BLANKS))})"
    return f"trim(case when regexp_matches({text}, '[^ -~]') then {spaced} else {text} end)"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
