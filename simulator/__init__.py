"""A coherent synthetic hospital group: databases, claim files, API stub, planted defects with an answer key."""
