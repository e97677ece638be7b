"""Tests of receipts: what is signed, by which key, and what is not genuine."""
