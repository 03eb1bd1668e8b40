-- A stand-in for what a Citus coordinator is asked by `talktime database distribute`, in plain PostgreSQL: it keeps the
-- books of what was declared, and refuses what Citus refuses. It spreads nothing.
CREATE TABLE pg_dist_partition (logicalrelid regclass PRIMARY KEY, partmethod "char", colocationid int, shards int);
CREATE TABLE pg_dist_shard (logicalrelid regclass, shardid bigserial, shardminvalue text, shardmaxvalue text);

CREATE FUNCTION create_reference_table(table_name regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pg_dist_partition VALUES (table_name, 'n', 0, 1);
END $$;

CREATE FUNCTION create_distributed_table(
    table_name regclass, distribution_column text, colocate_with text, shard_count int DEFAULT NULL
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    beside pg_dist_partition;
    width bigint;
BEGIN
    IF EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = table_name AND pg_get_expr(polqual, polrelid) ~ 'SELECT') THEN
        RAISE 'cannot create policy: Subqueries are not supported in policies on distributed tables';
    END IF;
    IF (SELECT relrowsecurity FROM pg_class WHERE oid = table_name) THEN
        RAISE 'COPY FROM not supported with row-level security';
    END IF;
    IF EXISTS (
        SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = distribution_column
        WHERE i.indrelid = table_name AND i.indisunique AND NOT a.attnum = ANY (i.indkey)
    ) THEN
        RAISE 'cannot create constraint on %: a UNIQUE index must include the distribution column', table_name;
    END IF;
    IF colocate_with <> 'none' THEN
        SELECT * INTO STRICT beside FROM pg_dist_partition WHERE logicalrelid = colocate_with::regclass;
        shard_count := beside.shards;
    END IF;
    INSERT INTO pg_dist_partition VALUES (table_name, 'h', coalesce(beside.colocationid, 1), shard_count);
    width := 4294967296 / shard_count;
    INSERT INTO pg_dist_shard (logicalrelid, shardminvalue, shardmaxvalue)
    SELECT table_name, -2147483648 + n * width, -2147483649 + (n + 1) * width FROM generate_series(0, shard_count - 1) n;
END $$;

-- There it is a setting of the extension, which every role may set.
GRANT SET ON PARAMETER citus.propagate_set_commands TO PUBLIC;
GRANT ALL ON pg_dist_partition, pg_dist_shard, pg_dist_shard_shardid_seq TO PUBLIC;
