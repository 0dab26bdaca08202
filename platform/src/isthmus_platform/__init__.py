"""Airflow as the platform team runs it: ingest, transform, publish."""
