"""The rules as dated, cited parameters, and the State Council's working days: data with typed readers."""
