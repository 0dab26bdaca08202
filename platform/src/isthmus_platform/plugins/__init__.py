"""What Isthmus adds to the API server of every Airflow: a folder that Airflow loads by itself."""
