"""What a FHIR server sends by itself: transaction Bundles and Subscriptions' notifications."""
