"""The conductor: the only package that imports Prefect. Decides when to run, wait and retry; computes nothing."""
