"""Benchmarks over loopback: real processes, medians of several runs, never a test."""
