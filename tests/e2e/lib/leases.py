"""The lease table as it lies in DynamoDB, with its types."""

import botocore.exceptions


def exists(dynamodb, table):
    try:
        dynamodb.describe_table(TableName=table)
        return True
    except botocore.exceptions.ClientError as e:
        if e.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return False


def rows(dynamodb, table):
    """{lease key: {attribute: {type: value}}}; empty while there is no table."""
    if not exists(dynamodb, table):
        return {}
    items = []
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        items.extend(page["Items"])
    return {item["leaseKey"]["S"]: item for item in items}


def leases(dynamodb, table):
    """Only the leases: other kinds of entities share the table since KCL 3.5."""
    return {key: item for key, item in rows(dynamodb, table).items()
            if item.get("entityType", {"S": "LEASE"})["S"] == "LEASE"}


def types(item):
    """{attribute: type}, the shape of one item."""
    return {name: next(iter(value)) for name, value in item.items()}


def text(item, name):
    """The value of a text or number attribute, or None."""
    value = item.get(name)
    return None if value is None else next(iter(value.values()))


def owners(dynamodb, table):
    return {key: text(item, "leaseOwner") for key, item in leases(dynamodb, table).items()}


def checkpoints(dynamodb, table):
    return {key: text(item, "checkpoint") for key, item in leases(dynamodb, table).items()}
