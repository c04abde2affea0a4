"""Parties and customers as JSON."""

from rest_framework import serializers

from governance.parties.models import Customer, GroupMembership, Party, PartyGroup, TenantKey


class PartyIn(serializers.Serializer[Party]):
    """A party to be registered."""

    name = serializers.CharField(max_length=200)
    kind = serializers.ChoiceField(choices=Party.Kind.choices, default=Party.Kind.OTHER)
    country = serializers.RegexField(r"^[A-Za-z]{2}$", required=False, default="", allow_blank=True)


class PartyOut(serializers.ModelSerializer[Party]):
    """A party."""

    class Meta:
        model = Party
        fields = ("ref", "name", "kind", "country")


class CustomerIn(serializers.Serializer[Customer]):
    """A customer to be registered: of a party that exists, or with a party of its own (same name) where none is named."""

    name = serializers.CharField(max_length=200)
    party = serializers.CharField(max_length=40, required=False)


class NameIn(serializers.Serializer[Customer]):
    """A new name."""

    name = serializers.CharField(max_length=200)


class CustomerOut(serializers.ModelSerializer[Customer]):
    """A customer."""

    party = serializers.CharField(source="party.ref")

    class Meta:
        model = Customer
        fields = ("ref", "name", "party", "created_at")


class KeyIn(serializers.Serializer[TenantKey]):
    """A tenant key for a customer."""

    space = serializers.SlugField(max_length=60)
    value = serializers.CharField(max_length=200, trim_whitespace=False)
    valid_from = serializers.DateTimeField()
    valid_to = serializers.DateTimeField(required=False, allow_null=True, default=None)


class KeyOut(serializers.ModelSerializer[TenantKey]):
    """A tenant key with its period."""

    space = serializers.CharField(source="space.key")

    class Meta:
        model = TenantKey
        fields = ("space", "value", "valid_from", "valid_to", "recorded_at")


class GroupIn(serializers.Serializer[PartyGroup]):
    """A group to be created."""

    name = serializers.CharField(max_length=200)


class GroupOut(serializers.ModelSerializer[PartyGroup]):
    """A group of parties."""

    class Meta:
        model = PartyGroup
        fields = ("ref", "name")


class MemberIn(serializers.Serializer[GroupMembership]):
    """A member: the reference of a party, or of a group."""

    member = serializers.CharField(max_length=40)
    valid_from = serializers.DateTimeField()
    valid_to = serializers.DateTimeField(required=False, allow_null=True, default=None)


class MemberOut(serializers.ModelSerializer[GroupMembership]):
    """A member with its period."""

    member = serializers.SerializerMethodField()

    class Meta:
        model = GroupMembership
        fields = ("member", "valid_from", "valid_to", "recorded_at")

    def get_member(self, row: GroupMembership) -> str:
        """Reference of the party, or of the group."""
        found = row.party or row.subgroup
        return found.ref if found else ""


class MemberEndIn(serializers.Serializer[GroupMembership]):
    """From when on it holds no longer."""

    at = serializers.DateTimeField()
