package com.edgeconv.model

import org.json.JSONArray
import org.json.JSONObject
import kotlin.math.abs

/** `golden.json`: samples with what edgeconv got for them from the same file. */
class Golden(
    text: String,
) {
    private val file = JSONObject(text)
    private val inputs = file.getJSONObject("inputs")
    private val expected = file.getJSONObject("expected")

    val size: Int = expected.getJSONArray(Contract.OUTPUTS[0].name).length()

    /** The inputs of one vector under the model's own names. */
    fun inputs(vector: Int): Tensors = tensors(Contract.INPUTS, inputs, vector)

    /** What edgeconv got for them. */
    fun expected(vector: Int): Tensors = tensors(Contract.OUTPUTS, expected, vector)

    /** The class of each vector by output, where the model has class names. */
    fun label(
        output: String,
        vector: Int,
    ): String = file.getJSONObject("labels").getJSONArray(output).getString(vector)

    /** The largest difference that another device explains. */
    fun tolerance(output: String): Double = file.getJSONObject("tolerance").getDouble(output)

    /** Texts and their tokens, where the model reads words. */
    fun texts(): List<Pair<String, List<Int>>> =
        file.getJSONArray("texts").let { texts ->
            List(texts.length()) { i ->
                val tokens = texts.getJSONObject(i).getJSONArray("tokens")
                texts.getJSONObject(i).getString("text") to List(tokens.length(), tokens::getInt)
            }
        }

    /** Every vector through the model. */
    fun run(runner: ModelRunner): List<Tensors> = List(size) { runner.run(inputs(it)) }

    /** Every number that is farther from the expected one than its output's tolerance. */
    fun deviations(found: List<Tensors>): List<String> =
        found.flatMapIndexed { vector, outputs ->
            val expected = expected(vector)
            Contract.OUTPUTS.flatMap { spec ->
                val wanted = numbers(expected.getValue(spec.name))
                val given = numbers(outputs.getValue(spec.name))
                wanted.indices
                    .filterNot { abs(given[it] - wanted[it]) <= tolerance(spec.name) }
                    .map {
                        "${spec.name}[$it], vector $vector: ${given[it]} instead of ${wanted[it]}"
                    }
            }
        }

    /** The results file that `edgeconv golden check BUNDLE FILE` judges. */
    fun results(
        found: List<Tensors>,
        device: String,
        system: String,
    ): JSONObject {
        val outputs = JSONObject()
        for (spec in Contract.OUTPUTS) {
            val rows = found.map { JSONArray(numbers(it.getValue(spec.name))) }
            outputs.put(spec.name, JSONArray(rows))
        }
        val result =
            JSONObject()
                .put("artifact", Contract.MODEL.substringAfterLast('/'))
                .put("sha256", Contract.SHA256)
                .put("runtime", "LiteRT")
                .put("outputs", outputs)
        return JSONObject()
            .put("format", "edgeconv-golden-results")
            .put("schema_version", 1)
            .put("golden", file.getString("golden"))
            .put("device", JSONObject().put("model", device).put("system", system))
            .put("results", JSONArray(listOf(result)))
    }

    private fun tensors(
        specs: List<TensorSpec>,
        columns: JSONObject,
        vector: Int,
    ): Tensors =
        specs.associate { spec ->
            val row = columns.getJSONArray(spec.name).getJSONArray(vector)
            spec.name to
                spec.tensor(row.length(), { row.getDouble(it).toFloat() }, { row.getInt(it) })
        }

    private fun numbers(tensor: Tensor): List<Double> =
        when (tensor) {
            is Floats -> tensor.values.map(Float::toDouble)
            is Ints -> tensor.values.map(Int::toDouble)
        }
}
