"""Pages of orders, refunds, deliveries and exports."""
