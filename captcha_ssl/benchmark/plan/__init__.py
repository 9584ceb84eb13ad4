"""The plan: arms, label counts and seeds."""
