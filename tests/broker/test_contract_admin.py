"""What sentinel needs of a broker: topics and groups, created, listed, described, deleted."""

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import (
    InvalidPartitionsError,
    InvalidReplicationFactorError,
    InvalidTopicError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)
from kafka.structs import OffsetAndMetadata

from tests.broker.group_member import GroupMember
from tests.waiting import wait_until


@pytest.fixture
def admin(any_kafka):
    return any_kafka.admin


def partitions_of(admin, topic):
    (described,) = admin.describe_topics([topic])
    return sorted(each["partition_index"] for each in described["partitions"])


def test_a_created_topic_is_listed_and_described(admin, unique_name):
    name = unique_name("created")
    created = admin.create_topics({name: {"num_partitions": 3}}, wait_for_metadata=True)
    assert created["topics"][0]["num_partitions"] == 3
    assert name in admin.list_topics()
    assert partitions_of(admin, name) == [0, 1, 2]


def test_a_topic_has_one_partition_unless_told_otherwise(admin, unique_name):
    name = unique_name("plain")
    admin.create_topics([name], wait_for_metadata=True)
    assert partitions_of(admin, name) == [0]


def test_a_topic_is_not_created_twice(any_kafka, admin, unique_name):
    name = any_kafka.create_topic(unique_name("twice"))
    with pytest.raises(TopicAlreadyExistsError):
        admin.create_topics({name: {"num_partitions": 1}})


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        ("not a name", {}, InvalidTopicError),
        ("x" * 250, {}, InvalidTopicError),
        ("..", {}, InvalidTopicError),
        ("no-partitions", {"num_partitions": 0}, InvalidPartitionsError),
        ("replicas", {"num_partitions": 1, "replication_factor": 3}, InvalidReplicationFactorError),
    ],
)
def test_what_cannot_be_created_is_refused(admin, name, options, error):
    with pytest.raises(error):
        admin.create_topics({name: options})
    assert name not in admin.list_topics()


def test_validate_only_creates_nothing(admin, unique_name):
    name = unique_name("imagined")
    admin.create_topics({name: {"num_partitions": 3}}, validate_only=True)
    assert name not in admin.list_topics()


def test_a_deleted_topic_is_gone(any_kafka, admin, unique_name):
    name = any_kafka.create_topic(unique_name("deleted"))
    admin.delete_topics([name])
    wait_until(lambda: name not in admin.list_topics())
    with pytest.raises(UnknownTopicOrPartitionError):
        admin.delete_topics([name])


def test_a_topic_created_anew_is_another_one(any_kafka, admin, unique_name):
    name = any_kafka.create_topic(unique_name("again"))
    (before,) = admin.describe_topics([name])
    admin.delete_topics([name])
    wait_until(lambda: name not in admin.list_topics())
    any_kafka.create_topic(name, 2)
    (after,) = admin.describe_topics([name])
    assert after["topic_id"] != before["topic_id"]
    assert partitions_of(admin, name) == [0, 1]


def test_a_topic_grows_but_does_not_shrink(any_kafka, admin, unique_name):
    name = any_kafka.create_topic(unique_name("grows"), 2)
    admin.create_partitions({name: 5})
    wait_until(lambda: partitions_of(admin, name) == [0, 1, 2, 3, 4])
    with pytest.raises(InvalidPartitionsError):
        admin.create_partitions({name: 3})
    admin.create_partitions({name: 9}, validate_only=True)
    assert partitions_of(admin, name) == [0, 1, 2, 3, 4]


def test_an_unknown_topic_is_described_as_unknown(admin, unique_name):
    (described,) = admin.describe_topics([unique_name("unknown")])
    assert described["error_code"] == UnknownTopicOrPartitionError.errno


def test_groups_are_listed_described_and_deleted(any_kafka, admin, unique_name):
    topic = any_kafka.create_topic(unique_name("topic"), 2)
    group = unique_name("group")
    with GroupMember(any_kafka.bootstrap_servers, topic, group, client_id="reader") as member:
        member.wait_for(2)
        wait_until(lambda: admin.describe_groups([group])[group]["group_state"] == "Stable")
        described = admin.describe_groups([group])[group]
        assert described["protocol_type"] == "consumer"
        assert described["protocol_data"] == "range"
        (only,) = described["members"]
        assert only["client_id"] == "reader"
        assert group in {each["group_id"] for each in admin.list_groups()}
        assert admin.delete_groups([group]) == {group: "NonEmptyGroupError"}
    wait_until(lambda: admin.describe_groups([group])[group]["group_state"] == "Empty")
    assert admin.delete_groups([group]) == {group: "OK"}
    assert admin.delete_groups([group]) == {group: "GroupIdNotFoundError"}
    assert group not in {each["group_id"] for each in admin.list_groups()}


def test_the_offsets_of_a_group_are_listed(any_kafka, admin, unique_name):
    topic = any_kafka.create_topic(unique_name("topic"), 2)
    group = unique_name("group")
    consumer = KafkaConsumer(bootstrap_servers=any_kafka.bootstrap_servers, group_id=group)
    try:
        consumer.commit({TopicPartition(topic, 1): OffsetAndMetadata(8, "why", -1)})
    finally:
        consumer.close()
    (offsets,) = admin.list_group_offsets(group).values()
    committed = {tp: (each.offset, each.metadata) for tp, each in offsets.items()}
    assert committed == {TopicPartition(topic, 1): (8, "why")}
