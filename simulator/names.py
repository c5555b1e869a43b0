"""Invented names of people, and the specialities that name departments."""

from __future__ import annotations

# fmt: off
FIRST_NAMES = (
    "Arlen", "Bryda", "Corvin", "Delsa", "Emrick", "Fayla", "Gorin", "Halda", "Ivren", "Jessa", "Kelmo",
    "Lorva", "Mardin", "Nysa", "Orrin", "Pella", "Quill", "Rowena", "Selvo", "Tamsin", "Ulric", "Vanda",
    "Wendal", "Xara", "Yorick", "Zelda", "Brannoch", "Cyla", "Dorrin", "Elspa",
)
LAST_NAMES = (
    "Ashdown", "Barrowick", "Coldmere", "Dunwick", "Elmsby", "Fernhollow", "Greystock", "Hartlow", "Inglemoor",
    "Juniper", "Kestrel", "Larkmead", "Mosswell", "Netherby", "Oakhurst", "Pinevale", "Quarrington", "Redfern",
    "Silverton", "Thornbury", "Underhay", "Vexley", "Westmarch", "Yarrowdale", "Zephyrline", "Amberly",
    "Brackenwood", "Cloverfield",
)
SPECIALITIES = (
    "Emergency", "Cardiology", "Neurology", "Oncology", "Pediatrics", "Orthopedics", "Dermatology",
    "Gastroenterology", "Urology", "Radiology", "Anesthesiology", "Pathology", "Surgery", "Pulmonology",
    "Nephrology", "Ophthalmology", "Gynecology", "Psychiatry", "Endocrinology", "Rheumatology",
)
# fmt: on
