SELECT customer, sum(amount) AS total FROM {{ source('raw', 'orders') }} GROUP BY customer
