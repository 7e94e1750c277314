package com.edgeconv.recognition.personal

import com.edgeconv.recognition.stream.Contract
import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject
import kotlin.math.exp
import kotlin.math.ln
import kotlin.math.sqrt

/**
 * The file whose outputs a layer is made of.
 *
 * @property sha256 of it: embeddings of two files do not compare
 * @property embedding how many values it gives besides its outputs
 * @property logits whether the outputs need softmax
 */
data class PersonalFile(
    val sha256: String = Contract.SHA256,
    val labels: List<String> = Contract.LABELS,
    val embedding: Int = Contract.EMBEDDING,
    val logits: Boolean = Contract.LOGITS,
)

/** A window whose activity the user told: its class, and what the file gave. */
class EnrolledWindow(
    val label: Int,
    val outputs: List<Double>,
    val embedding: List<Double>,
)

/** Why a layer changes answers, or why it does not. */
enum class PersonalState {
    ON,

    /** Nothing is enrolled. */
    EMPTY,

    /** There is nothing to tell it from. */
    ONE_ACTIVITY,

    /** The model is right as often on what is enrolled, or more often on one activity of it. */
    NO_GAIN,
}

/**
 * The answer for one window.
 *
 * @property label the most probable class; null where it is less probable than was asked for, or the
 *   outputs are not finite
 * @property isPersonal whether the layer took part
 */
class PersonalAnswer(
    val probabilities: List<Double>,
    val label: Int?,
    val isPersonal: Boolean,
)

/** A document that is no layer of this file; nothing of it is used. */
class WrongPersonalLayer(
    message: String,
) : Exception(message)

/**
 * What a few seconds of each activity say of one user: the windows that were enrolled, and the answers
 * that they give. No network, no training. Not for several threads at once.
 *
 * It is used only where it is right more often on the enrolled windows than the model alone, and on no
 * activity less often; and it makes only changes that an enrolled window backs.
 */
class PersonalLayer(
    val file: PersonalFile = PersonalFile(),
) {
    private val enrolled = mutableListOf<EnrolledWindow>()
    private var fitted: Fitted? = null
    private var judged: PersonalState? = PersonalState.EMPTY

    /** In the order of enrollment. */
    val windows: List<EnrolledWindow> get() = enrolled

    /** Whether the layer changes answers, and why not. */
    val state: PersonalState
        get() = judged ?: judge().also { judged = it }

    /**
     * Adds a window of an activity, given by its place in the labels. Of one activity the latest 32
     * are kept.
     *
     * @return whether it was taken: numbers that are not finite are not
     * @throws IllegalArgumentException no such class, or numbers of another file
     */
    fun enroll(
        label: Int,
        outputs: List<Double>,
        embedding: List<Double>,
    ): Boolean {
        check(outputs, embedding)
        require(label in file.labels.indices) { "there is no class number $label" }
        if (!(outputs + embedding).all(Double::isFinite)) return false
        if (enrolled.count { it.label == label } >= MOST_WINDOWS) {
            enrolled.removeAt(enrolled.indexOfFirst { it.label == label })
        }
        enrolled += EnrolledWindow(label, outputs, embedding)
        judged = null
        return true
    }

    /** Drops the windows of one class; null: of all. */
    fun forget(label: Int? = null) {
        enrolled.removeAll { label == null || it.label == label }
        judged = null
    }

    /**
     * The answer for one window: the model's own, unless the layer is on.
     *
     * @throws IllegalArgumentException numbers of another file
     */
    fun answer(
        outputs: List<Double>,
        embedding: List<Double>,
        unsureBelow: Double = Contract.UNSURE_BELOW,
    ): PersonalAnswer {
        check(outputs, embedding)
        if (!outputs.all(Double::isFinite)) return PersonalAnswer(outputs, null, false)
        val layer = if (state == PersonalState.ON) fitted else null
        val takesPart = layer != null && embedding.all(Double::isFinite)
        val own = probabilities(outputs)
        val all = if (layer != null && takesPart) corrected(layer, own, embedding) else own
        val label = largest(all)
        return PersonalAnswer(all, label.takeIf { all[it] >= unsureBelow }, takesPart)
    }

    /** What an app stores and exports: embeddings, no readings; treat it like health data. */
    fun toJson(): String =
        JSONObject()
            .put("format", FORMAT)
            .put("schema_version", VERSION)
            .put("model_sha256", file.sha256)
            .put("labels", JSONArray(file.labels))
            .put("embedding", file.embedding)
            .put(
                "windows",
                JSONArray(
                    enrolled.map {
                        JSONObject()
                            .put("label", file.labels[it.label])
                            .put("outputs", JSONArray(it.outputs))
                            .put("embedding", JSONArray(it.embedding))
                    },
                ),
            ).toString()

    private fun judge(): PersonalState {
        val labels = enrolled.map { it.label }.distinct()
        if (labels.size < 2) {
            return if (labels.isEmpty()) PersonalState.EMPTY else PersonalState.ONE_ACTIVITY
        }
        val all = fit(enrolled)
        val personal = sharesRight(enrolled.indices.map { predicted(it, all) })
        val model = sharesRight(enrolled.map { largest(probabilities(it.outputs)) })
        val loses = personal.zip(model).any { (mine, other) -> mine < other }
        if (loses || mean(personal) <= mean(model) + EQUAL) return PersonalState.NO_GAIN
        fitted = all
        return PersonalState.ON
    }

    /** By a layer that has not seen this window, where its activity has another one. */
    private fun predicted(
        place: Int,
        all: Fitted,
    ): Int {
        val window = enrolled[place]
        val isAlone = enrolled.count { it.label == window.label } == 1
        val layer = if (isAlone) all else fit(enrolled.filterIndexed { i, _ -> i != place })
        return largest(corrected(layer, probabilities(window.outputs), window.embedding))
    }

    /** The share of windows that are right, of each enrolled activity. */
    private fun sharesRight(predicted: List<Int>): List<Double> =
        file.labels.indices.mapNotNull { label ->
            val places = enrolled.indices.filter { enrolled[it].label == label }
            val right = places.count { predicted[it] == label }
            if (places.isEmpty()) null else right.toDouble() / places.size
        }

    /** Of two activities or more. */
    private fun fit(windows: List<EnrolledWindow>): Fitted {
        val prototypes = mutableListOf<List<Double>>()
        val residuals = mutableListOf<List<Double>>()
        val mistaken = List(file.labels.size) { BooleanArray(file.labels.size) }
        for (label in file.labels.indices) {
            val members = windows.filter { it.label == label }
            if (members.isEmpty()) continue
            prototypes += means(members.map { it.embedding })
            val answers = members.map { probabilities(it.outputs) }
            for (answer in answers) {
                val close = CLOSE * answer.max()
                for (k in answer.indices) if (answer[k] >= close) mistaken[k][label] = true
            }
            residuals +=
                means(answers).mapIndexed { k, mean -> (if (k == label) 1.0 else 0.0) - mean }
        }
        val size = mean(prototypes.map { product(it, it) })
        val scale = if (size == 0.0) 1.0 else size
        val gram =
            List(prototypes.size) { a ->
                List(prototypes.size) { b ->
                    product(prototypes[a], prototypes[b]) / scale + 1.0 + if (a == b) RIDGE else 0.0
                }
            }
        return Fitted(prototypes, scale, solved(gram, residuals), mistaken)
    }

    private fun probabilities(outputs: List<Double>) =
        if (file.logits) softmax(outputs) else outputs

    private fun check(
        outputs: List<Double>,
        embedding: List<Double>,
    ) = require(outputs.size == file.labels.size && embedding.size == file.embedding) {
        "the model gives ${file.labels.size} outputs and an embedding of ${file.embedding}, not " +
            "${outputs.size} and ${embedding.size}"
    }

    /**
     * Prototypes, their common scale, and the coefficients of each, one a class.
     *
     * @property mistaken of classes a and c: whether the model nearly answered a for a window of c
     */
    private class Fitted(
        val prototypes: List<List<Double>>,
        val scale: Double,
        val coefficients: List<DoubleArray>,
        val mistaken: List<BooleanArray>,
    )

    companion object {
        private const val FORMAT = "edgeconv-personal"
        private const val VERSION = 1
        private const val MOST_WINDOWS = 32
        private const val RIDGE = 0.03
        private const val STRENGTH = 2.0
        private const val FLOOR = 1e-6
        private const val CLOSE = 0.9
        private const val EQUAL = 1e-9

        /**
         * Reads what [toJson] wrote, for the same file.
         *
         * @throws WrongPersonalLayer no such document, one of another file, or a damaged one
         */
        fun of(
            text: String,
            file: PersonalFile = PersonalFile(),
        ): PersonalLayer =
            try {
                val json = JSONObject(text)
                val labels = json.getJSONArray("labels").let { List(it.length(), it::get) }
                when {
                    json.get("format") != FORMAT -> refuse("it is no personal layer")
                    json.get("schema_version") != VERSION -> refuse("its version is not $VERSION")
                    json.get("model_sha256") != file.sha256 -> refuse("it is of another file")
                    labels != file.labels -> refuse("its classes are others")
                    json.get("embedding") != file.embedding -> refuse("its embedding is another")
                }
                val layer = PersonalLayer(file)
                val windows = json.getJSONArray("windows")
                for (place in 0 until windows.length()) {
                    val window = windows.getJSONObject(place)
                    val label = file.labels.indexOf(window.get("label"))
                    val outputs = numbers(window.getJSONArray("outputs"))
                    val embedding = numbers(window.getJSONArray("embedding"))
                    if (!layer.enroll(label, outputs, embedding)) refuse("a number is not finite")
                }
                layer
            } catch (error: JSONException) {
                refuse("${error.message}")
            } catch (error: IllegalArgumentException) {
                refuse("${error.message}")
            }

        private fun refuse(reason: String): Nothing =
            throw WrongPersonalLayer("the personal layer is refused: $reason")

        private fun numbers(array: JSONArray) =
            List(array.length()) {
                (array.get(it) as? Number ?: refuse("a value is no number")).toDouble()
            }

        /** The probabilities as they are where no enrolled window backs the change. */
        private fun corrected(
            layer: Fitted,
            probabilities: List<Double>,
            embedding: List<Double>,
        ): List<Double> {
            val logits = DoubleArray(probabilities.size) { ln(maxOf(probabilities[it], FLOOR)) }
            for ((prototype, coefficients) in layer.prototypes.zip(layer.coefficients)) {
                val alike = product(prototype, embedding) / layer.scale + 1.0
                for (k in logits.indices) logits[k] += alike * coefficients[k]
            }
            val moved = softmax(logits.toList())
            val before = largest(probabilities)
            val after = largest(moved)
            return if (before == after || layer.mistaken[before][after]) moved else probabilities
        }

        /** `gram · A = STRENGTH · residuals`, by Cholesky's decomposition. */
        private fun solved(
            gram: List<List<Double>>,
            residuals: List<List<Double>>,
        ): List<DoubleArray> {
            val n = gram.size
            val lower = List(n) { DoubleArray(n) }
            for (i in 0 until n) {
                for (j in 0..i) {
                    var rest = gram[i][j]
                    for (k in 0 until j) rest -= lower[i][k] * lower[j][k]
                    lower[i][j] = if (i == j) sqrt(rest) else rest / lower[j][j]
                }
            }
            val solved = List(n) { DoubleArray(residuals[0].size) }
            for (column in residuals[0].indices) {
                for (i in 0 until n) {
                    var rest = STRENGTH * residuals[i][column]
                    for (k in 0 until i) rest -= lower[i][k] * solved[k][column]
                    solved[i][column] = rest / lower[i][i]
                }
                for (i in n - 1 downTo 0) {
                    var rest = solved[i][column]
                    for (k in i + 1 until n) rest -= lower[k][i] * solved[k][column]
                    solved[i][column] = rest / lower[i][i]
                }
            }
            return solved
        }

        private fun softmax(logits: List<Double>): List<Double> {
            val top = logits.max()
            val powers = logits.map { exp(it - top) }
            val total = powers.sum()
            return powers.map { it / total }
        }

        private fun means(rows: List<List<Double>>) =
            rows[0].indices.map { column -> mean(rows.map { it[column] }) }

        private fun mean(values: List<Double>) = values.sum() / values.size

        private fun product(
            a: List<Double>,
            b: List<Double>,
        ): Double {
            var total = 0.0
            for (i in a.indices) total += a[i] * b[i]
            return total
        }

        /** The first of the largest. */
        private fun largest(values: List<Double>) = values.indices.maxBy { values[it] }
    }
}
