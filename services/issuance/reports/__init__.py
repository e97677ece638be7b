"""Files for people who keep the city's books in spreadsheets."""
