//! Which side of a join is held in memory, where DataFusion cannot tell and takes the left one.
//!
//! A join holds its left side whole. DataFusion swaps sides by the number of rows, which it knows of a file and no longer
//! behind a `CROSS JOIN` with one row or a window. Here a guess is made that is good enough to tell a month of everybody
//! from one row, or from a group of them. The rows of a join do not depend on it; memory does.

use std::sync::Arc;

use datafusion::common::Result as Answer;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, PartitionMode};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::union::UnionExec;

/// Of so many rows one is left by a `GROUP BY` or `DISTINCT`, as a guess.
const GROUPED: f64 = 10.0;

/// DataFusion's rules, with this one behind its own choice of sides.
pub(super) fn rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    let at = rules.iter().position(|r| r.name() == "join_selection").map_or(rules.len(), |at| at + 1);
    rules.insert(at, Arc::new(SmallerSideFirst));
    rules
}

#[derive(Debug)]
struct SmallerSideFirst;

impl PhysicalOptimizerRule for SmallerSideFirst {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Answer<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            Ok(match swapped(&plan)? {
                Some(better) => Transformed::yes(better),
                None => Transformed::no(plan),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "smaller_side_first"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The join the other way round, where that is better.
fn swapped(plan: &Arc<dyn ExecutionPlan>) -> Answer<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        let better = join.join_type().supports_swap() && larger(join.left(), join.right());
        return better.then(|| join.swap_inputs()).transpose();
    }
    if let Some(join) = plan.downcast_ref::<CrossJoinExec>() {
        return larger(join.left(), join.right()).then(|| join.swap_inputs()).transpose();
    }
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        let can = *join.partition_mode() == PartitionMode::Partitioned
            && join.join_type().supports_swap()
            && !join.null_aware;
        let better = can && larger(join.left(), join.right());
        return better.then(|| join.swap_inputs(PartitionMode::Partitioned)).transpose();
    }
    Ok(None)
}

/// Whether the left side is the larger one and DataFusion could not see that.
fn larger(left: &Arc<dyn ExecutionPlan>, right: &Arc<dyn ExecutionPlan>) -> bool {
    let seen = known(left).is_some() && known(right).is_some();
    !seen && guess(left) > guess(right)
}

fn known(plan: &Arc<dyn ExecutionPlan>) -> Option<f64> {
    let known = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new()).ok()?;
    known.num_rows.get_value().map(|n| *n as f64)
}

/// About how many rows a plan gives.
fn guess(plan: &Arc<dyn ExecutionPlan>) -> f64 {
    if let Some(rows) = known(plan) {
        return rows;
    }
    let inputs = plan.children().into_iter().map(guess);
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        return if aggregate.group_expr().is_empty() { 1.0 } else { inputs.sum::<f64>() / GROUPED };
    }
    if plan.downcast_ref::<UnionExec>().is_some() { inputs.sum() } else { inputs.fold(0.0, f64::max) }
}
