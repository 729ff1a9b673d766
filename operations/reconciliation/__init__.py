"""Reconciling: does every stage hold what the one before it had?"""
