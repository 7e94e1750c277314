package com.edgeconv.recognition.model

/**
 * Tests the units that an app allows, and chooses the one that runs the model.
 *
 * @param units those that the app allows; the first is the fallback, and the CPU
 * @param open opens the model on a unit; what it throws is the unit's verdict
 * @param keep stores the record, before a unit is opened too: one that takes the app down is not
 *   opened again
 */
class UnitTester(
    private val test: SelfTest,
    private val units: List<String>,
    private val key: Key,
    private val keep: (Record) -> Unit,
    private val clock: () -> Long = System::nanoTime,
    private val open: (String) -> Engine,
) {
    private val engines = mutableMapOf<String, Engine>()
    private val vectors = test.vectorsPerUnit(maxOf(1, units.size))
    private val places = vectors.map { it.vector }

    init {
        require(units.isNotEmpty()) { "the app allows no unit; allow at least the CPU" }
        require(test.vectors.isNotEmpty()) { "the self-test has no vectors" }
    }

    /**
     * Opens the model on the unit that is the best of those which compute what they must. Nothing is
     * tested or measured again that [before] has for the same key, except what ended in an error.
     *
     * @throws NoUnitPassed where there is none
     */
    fun prove(before: Record?): Pair<Engine, Record> {
        try {
            var record = test(before)
            while (true) {
                if (!isChosen(record)) record = choose(record)
                val chosen = record.chosen ?: throw NoUnitPassed(record)
                try {
                    return (engines.remove(chosen) ?: open(chosen)) to record
                } catch (error: Exception) {
                    // It passed once, but cannot be opened now.
                    record = record.withError(chosen, error, places).copy(chosen = null)
                    keep(record)
                }
            }
        } finally {
            engines.values.forEach(Engine::close)
            engines.clear()
        }
    }

    /** Every allowed unit is tested that has no verdict for this key, or an error that may pass. */
    fun test(before: Record?): Record {
        var record = before?.takeIf { it.key == key } ?: Record(key)
        val interrupted = record.testing
        if (interrupted != null && interrupted != units[0]) {
            val result = UnitResult(interrupted, UnitStatus.ERROR, reason = INTERRUPTED)
            record = record.with(result.copy(errors = Record.MOST_ERRORS))
        }
        record = record.copy(testing = null)
        for (unit in units) {
            if (!record.isDue(unit, fallback = units[0])) continue
            keep(record.copy(testing = unit))
            record = verdict(unit, record)
            keep(record)
        }
        if (record.passing(units).isEmpty()) throw NoUnitPassed(record)
        return record
    }

    private fun verdict(
        unit: String,
        before: Record,
    ): Record {
        val record =
            try {
                val engine = open(unit).also { engines[unit] = it }
                val outputs = vectors.map { engine.run(it.input).outputs }
                val errors = before.result(unit)?.errors ?: 0
                before.with(test.judge(unit, engine.name, outputs).copy(errors = errors))
            } catch (error: Exception) {
                before.withError(unit, error, places)
            }
        if (unit !in record.passing(units)) engines.remove(unit)?.close()
        return record
    }

    /** Whether the choice of the last time still stands: every unit that passes was measured. */
    private fun isChosen(record: Record): Boolean {
        val passing = record.passing(units)
        return record.chosen in passing && passing.none { record.result(it)?.medianMs == null }
    }

    /** Measures the passing units, interleaved, and chooses one of them. */
    private fun choose(tested: Record): Record {
        var record = tested
        val times = record.passing(units).associateWith { mutableListOf<Double>() }.toMutableMap()
        repeat(ROUNDS) { round ->
            for (unit in times.keys.toList()) {
                try {
                    val engine = engines.getOrPut(unit) { open(unit) }
                    val input = test.vectors[round % test.vectors.size].input
                    val begin = clock()
                    engine.run(input)
                    times.getValue(unit) += (clock() - begin) / 1e6
                } catch (error: Exception) {
                    times.remove(unit)
                    engines.remove(unit)?.close()
                    record = record.withError(unit, error, places)
                }
            }
        }
        val passing = record.passing(units)
        if (passing.isEmpty()) throw NoUnitPassed(record.copy(chosen = null).also(keep))
        val (chosen, medians) = chooseUnit(units, passing, times)
        val results = record.results.map { it.copy(medianMs = medians[it.unit] ?: it.medianMs) }
        return record.copy(results = results, chosen = chosen).also(keep)
    }

    companion object {
        private const val ROUNDS = 8
        private const val MARGIN = 0.3
        private const val LEAST_GAIN_MS = 1.0
        private const val INTERRUPTED = "the app ended while it was tested"

        /**
         * The unit that runs the model, and the median of each. The fallback stays unless another one
         * gains more than 30 % and more than 1 ms.
         *
         * @param times of each passing unit, one a round in ms; the first one warms up
         */
        fun chooseUnit(
            units: List<String>,
            passing: List<String>,
            times: Map<String, List<Double>>,
        ): Pair<String, Map<String, Double>> {
            val medians =
                units.filter { it in passing }.associateWith { median(times.getValue(it).drop(1)) }
            val fastest = medians.keys.minBy { medians.getValue(it) }
            val fallback = medians[units[0]] ?: return fastest to medians
            val gain = fallback - medians.getValue(fastest)
            val chosen = if (gain > maxOf(MARGIN * fallback, LEAST_GAIN_MS)) fastest else units[0]
            return chosen to medians
        }

        private fun median(values: List<Double>): Double {
            val sorted = values.sorted()
            val half = sorted.size / 2
            return if (sorted.size % 2 == 1) sorted[half] else (sorted[half - 1] + sorted[half]) / 2
        }
    }
}
