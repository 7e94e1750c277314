"""TFLite: conversion, reading, metadata, weights and lints of `.tflite` files."""
