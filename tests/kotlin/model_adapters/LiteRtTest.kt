package com.edgeconv.model

import android.app.Activity
import com.edgeconv.model.ModelException.Kind
import fakes.Phone
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import java.nio.ByteBuffer
import java.nio.ByteOrder
import fakes.LiteRt as FakeLiteRt

/** LiteRT through the library's adapters, on a phone of stubs that behave. */
class LiteRtTest {
    private val context = Activity()

    @Before
    fun aPhone() {
        Phone.reset()
        FakeLiteRt.reset()
        Phone.assets[Contract.MODEL] =
            checkNotNull(javaClass.getResource("/${Contract.MODEL}")).readBytes()
        FakeLiteRt.models["CPU"] = FakeLiteRt.Model(::recorded)
        FakeLiteRt.models["Interpreter"] = FakeLiteRt.Model(::recorded)
    }

    @After
    fun nothingStaysOpen() = assertEquals(0, FakeLiteRt.open)

    @Test
    fun everyGoldenVectorComesThroughCompiledModelAndTheInterpreter() {
        answers("LiteRT CompiledModel, cpu")
        FakeLiteRt.models.remove("CPU")
        answers("LiteRT Interpreter, cpu")
        FakeLiteRt.missing = true
        answers("LiteRT Interpreter, cpu")
    }

    @Test
    fun anotherFileThanTheTestedOneIsRefused() {
        Phone.assets.getValue(Contract.MODEL)[100]++
        refused(Kind.WRONG_MODEL) { ModelRunner.packaged(context) }
        Phone.assets.clear()
        refused(Kind.WRONG_MODEL) { ModelRunner.packaged(context) }
    }

    @Test
    fun aRunThatFailsIsATypedErrorAndTheNextOneAnswers() {
        for (runtime in listOf("CPU", "Interpreter")) {
            ModelRunner.packaged(context).use { runner ->
                FakeLiteRt.failing.add(runtime)
                refused(Kind.FAILED) { runner.run(golden.inputs(0)) }
                assertTrue(golden.deviations(golden.run(runner)).isEmpty())
            }
            FakeLiteRt.models.remove("CPU")
        }
        FakeLiteRt.models.clear()
        refused(Kind.FAILED) { ModelRunner.packaged(context) }
    }

    private fun answers(runtime: String) =
        ModelRunner.packaged(context).use { runner ->
            assertEquals(runtime, runner.runtime)
            assertEquals(emptyList<String>(), golden.deviations(golden.run(runner)))
        }

    private fun refused(
        kind: Kind,
        action: () -> Unit,
    ) = assertEquals(kind, assertThrows(ModelException::class.java) { action() }.kind)

    private fun recorded(inputs: Map<String, Any>): Map<String, Any> {
        val tensors = Contract.INPUTS.associate { it.name to tensor(it, inputs.getValue(it.name)) }
        return RecordedEngine().run(tensors).mapValues { (_, tensor) ->
            when (tensor) {
                is Floats -> tensor.values
                is Ints -> tensor.values
            }
        }
    }

    private fun tensor(
        spec: TensorSpec,
        values: Any,
    ): Tensor =
        when (values) {
            is FloatArray -> {
                Floats(values)
            }

            is IntArray -> {
                Ints(values)
            }

            else -> {
                val buffer = (values as ByteBuffer).duplicate().order(ByteOrder.nativeOrder())
                buffer.rewind()
                spec.tensor(spec.size, buffer.asFloatBuffer()::get, buffer.asIntBuffer()::get)
            }
        }
}
