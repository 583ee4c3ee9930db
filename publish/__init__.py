"""Turns judged tables into bytes and serves them."""
