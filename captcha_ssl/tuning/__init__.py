"""The search for what to pretrain with, and how to fine-tune, on a user's own images."""
