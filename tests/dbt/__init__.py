"""The dbt package in dbt/: run on real databases, and compared with answers found another way."""
