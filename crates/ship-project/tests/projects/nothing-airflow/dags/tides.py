from airflow import DAG

tides = DAG("tides")
