"""Every event version ever published, as it stands in logs that must stay readable for ever."""
