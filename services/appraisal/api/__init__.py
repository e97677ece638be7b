"""The HTTP edge of appraisal."""
