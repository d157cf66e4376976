"""GraphQL over HTTP: the schema follows from the declared commands and views."""
