{{ config(materialized='view', indexes=[{'columns': ['customer']}]) }}
SELECT customer, total FROM {{ ref('totals') }} WHERE total > 50
