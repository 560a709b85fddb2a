"""What a sender's sample messages tell: what each field becomes, what a claim lacks, and the profile they ask for."""
