"""What tests of the FHIR connector speak with: a proxy that spoils answers, a real server, a fake one."""
