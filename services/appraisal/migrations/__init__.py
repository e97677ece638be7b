"""Schema revisions of appraisal."""
