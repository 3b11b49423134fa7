"""The testbed: four real mail servers, one seeded scenario, their logs and what really happened (see README.md)."""
