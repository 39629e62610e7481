#!/usr/bin/env python3
"""x"""
import tap
tap.run()
