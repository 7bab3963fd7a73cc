"""dbt's unit tests as asset checks of the models whose SQL they test.

Belongs here: showing how each fared in the last build, which runs them. Not here: running them (`models`),
what a build notes of them (`warehouse.build_record`), and tests of rows, which dagster-dbt shows by itself.
"""

from collections.abc import Iterator

import dagster as dg

from orchestration.assets.dbt_translator import as_word
from orchestration.assets.keys import UNIQUE_ID
from orchestration.dbt.graph import Manifest
from orchestration.dbt.kinds import name_of
from orchestration.names import WAREHOUSE_POOL
from orchestration.selected_build import Built
from orchestration.settings import Settings
from orchestration.warehouse.engine import has_columns, open_warehouse
from orchestration.warehouse.lock import warehouse_lock
from orchestration.warehouse.outcomes import recorded_outcomes

NOT_RUN = "not run in the last build; `factlog refresh` runs it"


def unit_test_checks(
    settings: Settings, models: dg.AssetsDefinition, manifest: Manifest
) -> list[dg.AssetChecksDefinition]:
    """Make one check per unit test; no definition where the project has none."""
    specs = dict(check_specs(models, manifest))
    if not specs:
        return []

    @dg.multi_asset_check(name="unit_tests", specs=list(specs.values()), can_subset=True, pool=WAREHOUSE_POOL)
    def unit_tests(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        outcomes = {}
        if settings.warehouse.is_file():
            with (
                warehouse_lock(settings, f"Dagster run {context.run.run_id}", log=context.log.info),
                open_warehouse(settings, read_only=True) as connection,
            ):
                if has_columns(connection, "audit.outcomes"):
                    outcomes = {check.name: check for check in recorded_outcomes(connection)}
        for name, spec in specs.items():
            if spec.key in context.selected_asset_check_keys:
                outcome = outcomes.get(name)
                passed = outcome is not None and outcome.passed
                yield result_of(spec, passed=passed, detail=outcome.detail if outcome else NOT_RUN)

    return [unit_tests]


def results_of_build(
    models: dg.AssetsDefinition, manifest: Manifest, built: Built
) -> dict[dg.AssetCheckKey, dg.AssetCheckResult]:
    """How each unit test fared in a build, or the last time that it was run, where the build kept it."""
    outcomes = {check.name: check for check in built.checks}
    kept = {name_of(unique_id) for unique_id in built.kept}
    return {
        spec.key: result_of(
            spec,
            passed=name in kept or outcomes[name].passed,
            detail=outcomes[name].detail if name in outcomes else "",
        )
        for name, spec in check_specs(models, manifest)
        if name in kept or name in outcomes
    }


def result_of(spec: dg.AssetCheckSpec, *, passed: bool, detail: str) -> dg.AssetCheckResult:
    """A result with words, where there are any, and a number, which Dagster plots."""
    said = {"detail": dg.MetadataValue.text(detail)} if detail else {}
    return dg.AssetCheckResult(
        asset_key=spec.asset_key, check_name=spec.name, passed=passed, metadata={**said, "held": int(passed)}
    )


def check_specs(models: dg.AssetsDefinition, manifest: Manifest) -> Iterator[tuple[str, dg.AssetCheckSpec]]:
    """The check of each unit test, by the name under which a build notes it."""
    keys = {spec.metadata[UNIQUE_ID]: spec.key for spec in models.specs}
    for unique_id, test in sorted(manifest["unit_tests"].items()):
        for model in test["depends_on"]["nodes"]:
            if model in keys:
                name = as_word(f"unit_test_{test['name']}")
                description = test["description"] or "A unit test: given rows, the model gives these."
                yield name_of(unique_id), dg.AssetCheckSpec(name, asset=keys[model], description=description)
                break
