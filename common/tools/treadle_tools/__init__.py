"""Shared parts of the tools in common/tools: stages, symbols, listing requests."""
