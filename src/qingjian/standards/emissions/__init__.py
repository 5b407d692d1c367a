"""Emissions: conversion to reference oxygen, means, judgement against several limits, amounts."""
