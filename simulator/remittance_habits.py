"""How the group posts what is not a charge and not a payment: assumptions of the adjustments feed.

Reason and group codes come without their texts, which are licensed. Shares are probabilities, days are counted from
the event named, money is in US cents.
"""

from __future__ import annotations

from enum import IntEnum

from simulator.parameters import HOSPITAL_A, HOSPITAL_B


class Posting(IntEnum):
    """What can be posted on a charge line, each at most once."""

    CONTRACTUAL = 0
    DENIAL = 1  # the payer's notice; moves no money
    DEDUCTIBLE = 2  # to the patient, as are the next three
    COINSURANCE = 3
    COPAY = 4
    DENIED_TO_PATIENT = 5
    BACK_TO_PAYER = 6  # the line's payments count for its payer group: what the patient pays on a transfer moves back
    UNINSURED_DISCOUNT = 7
    CHARITY = 8
    SMALL_BALANCE = 9
    BAD_DEBT = 10
    DENIAL_WRITE_OFF = 11
    ADMINISTRATIVE = 12
    PATIENT_REFUND = 13
    PAYER_REFUND = 14


SLOTS = 16  # row numbers per charge line
TRANSFERS = (
    Posting.DEDUCTIBLE,
    Posting.COINSURANCE,
    Posting.COPAY,
    Posting.DENIED_TO_PATIENT,
    Posting.BACK_TO_PAYER,
)
REFUNDS = (Posting.PATIENT_REFUND, Posting.PAYER_REFUND)
WRITE_OFFS = (
    Posting.CHARITY,
    Posting.SMALL_BALANCE,
    Posting.BAD_DEBT,
    Posting.DENIAL_WRITE_OFF,
    Posting.ADMINISTRATIVE,
)
# Posted by or towards a payer, so with the number of the claim.
ON_CLAIM = (
    Posting.CONTRACTUAL,
    Posting.DENIAL,
    Posting.DEDUCTIBLE,
    Posting.COINSURANCE,
    Posting.COPAY,
    Posting.DENIED_TO_PATIENT,
    Posting.DENIAL_WRITE_OFF,
    Posting.PAYER_REFUND,
)

# Ledger event of each posting, and each hospital's word for it, by Posting.
EVENT_TYPES = (
    "ADJ_CONTRACTUAL",
    "DENIAL",
    *("TRANSFER",) * 5,
    "ADJ_UNINSURED_DISCOUNT",
    "ADJ_CHARITY",
    "ADJ_SMALL_BALANCE",
    "ADJ_BAD_DEBT",
    "ADJ_DENIAL",
    "ADJ_OTHER",
    *("REFUND",) * 2,
)
TYPE_WORDS = {
    HOSPITAL_A.system: (
        "Contractual",
        "Denial",
        *("Transfer",) * 5,
        "Uninsured discount",
        "Charity",
        "Small balance",
        "Bad debt",
        "Denial write-off",
        "Administrative",
        *("Refund",) * 2,
    ),
    HOSPITAL_B.system: (
        "CONTRACTUAL ADJUSTMENT",
        "DENIED",
        *("TRANSFER",) * 5,
        "SELF-PAY DISCOUNT",
        "FINANCIAL ASSISTANCE",
        "SMALL BALANCE WRITE-OFF",
        "BAD DEBT WRITE-OFF",
        "DENIAL WRITEOFF",
        "OTHER",
        *("REFUND",) * 2,
    ),
}

CONTRACTUAL_SHARES = (0.36, 0.45, 0.22, 0.25, 0.27, 0.0)  # of what the payer would else pay, by payer
CONTRACTUAL_SPREAD = 0.1  # a line's share differs from its payer's by at most this part of it
CONTRACTUAL_REASON = "45"
TIMELY_FILING_REASON = "29"
PATIENT_REASONS = ("1", "2", "3")  # of deductible, coinsurance and copay
DENIAL_REASONS = ("16", "50", "97", "197", "29")
DENIAL_REASON_SHARES = (  # by payer, in the order of DENIAL_REASONS
    (0.30, 0.32, 0.20, 0.08, 0.10),
    (0.38, 0.12, 0.14, 0.20, 0.16),
    (0.24, 0.18, 0.22, 0.28, 0.08),
    (0.26, 0.14, 0.16, 0.36, 0.08),
    (0.20, 0.16, 0.14, 0.42, 0.08),
    (1.0, 0.0, 0.0, 0.0, 0.0),
)
DENIED_TO_PATIENT_AFTER = 7  # days from the decision, where the patient pays later
DENIAL_WRITE_OFF_SHARE = 0.7  # of denied lines that nobody pays
DENIAL_WRITE_OFF_AFTER = 90  # days from the decision
ADMINISTRATIVE_AFTER = 180  # days from entry, of lines that were never billed

UNINSURED_DISCOUNT_SHARE = 0.4  # of self-pay lines
UNINSURED_DISCOUNT = 0.25  # of the charge
STATEMENT_AFTER = 2  # days from entry to a self-pay patient's first statement
CHARITY_SHARE = 0.3  # of balances that patients do not pay
CHARITY_AFTER = 30  # days from the statement: the payer's decision, or that of self-pay
SMALL_BALANCE_BELOW = 2_500  # an unpaid balance up to this is not pursued
SMALL_BALANCE_AFTER = 60
BAD_DEBT_AFTER = 120
SHORT_PAYMENT_SHARE = 0.05  # of patients' payments: up to five dollars are missing
SHORT_PAYMENT_AFTER = 30  # days from the payment to its write-off
OVERPAYMENT_SHARE = 0.05  # of patients' payments after a payer's
REFUNDED_SHARE = 0.8  # of patients' overpayments; the rest stay credits
PATIENT_REFUND_AFTER = 21  # days from the payment
PAYER_OVERPAYMENT_SHARE = 0.01  # of full payments; each is refunded
PAYER_REFUND_AFTER = 45
LATE_KEYED_SHARE = 0.03  # of lines: what is posted on them is keyed up to this many days later
LATE_KEYED_DAYS = 20
# Of the history's write-offs, and of its contractual adjustments, what changes in one day; at least one row.
CHANGED_SHARE = 0.001
