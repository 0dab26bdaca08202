"""What the tasks of a run do, as plain functions that do not know Airflow."""
