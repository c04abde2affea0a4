"""What callers send beside questions, read once into plain values."""

from typing import Any

from rest_framework import serializers

Text = serializers.CharField


class OverrideIn(serializers.Serializer[Any]):
    reason = Text(max_length=5_000)
    hours = serializers.IntegerField(min_value=1, max_value=72, required=False, default=72)


class OverrideReviewIn(serializers.Serializer[Any]):
    agreed = serializers.BooleanField()
    note = Text(max_length=5_000, required=False, allow_blank=True, default="")


class ScheduledJobIn(serializers.Serializer[Any]):
    namespace = Text(max_length=500)
    name = Text(max_length=500)


class RenewalIn(serializers.Serializer[Any]):
    job = ScheduledJobIn()
    run = serializers.UUIDField()


class WhyIn(serializers.Serializer[Any]):
    why = Text(max_length=5_000)
