"""What tests of shared runners stand on."""
