SELECT customer, sum(amount) AS total FROM {{ ref('orders') }} GROUP BY customer
