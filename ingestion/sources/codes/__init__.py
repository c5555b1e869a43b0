"""Code systems: ICD from the WHO's API, ICD-10-CM from the installed table."""
