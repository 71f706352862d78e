echo "script of {{ dag.dag_id }}"
