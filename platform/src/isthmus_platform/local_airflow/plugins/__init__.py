"""What the embedded Airflow adds to its API server: a folder that Airflow loads by itself."""
