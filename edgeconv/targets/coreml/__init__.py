"""Core ML: conversion, reading, metadata, weights and lints of `.mlpackage` folders."""
