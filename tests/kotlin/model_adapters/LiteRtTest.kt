package com.edgeconv.model

import android.app.Activity
import com.edgeconv.model.ModelException.Kind
import fakes.Phone
import kotlinx.coroutines.runBlocking
import multiplatform.largestDifference
import multiplatform.selfTestFile
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import fakes.LiteRt as FakeLiteRt

/** LiteRT through the library's adapters, on a phone of stubs that behave. */
class LiteRtTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val context = Activity()

    @Before
    fun aPhone() {
        Phone.reset()
        FakeLiteRt.reset()
        for (name in listOf(Contract.MODEL, Contract.SELF_TEST)) {
            Phone.assets[name] = checkNotNull(javaClass.getResource("/$name")).readBytes()
        }
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
    fun aUnitThatIsWrongIsNotUsedAndAnUpdateIsInstalled() =
        runBlocking {
            FakeLiteRt.models["GPU"] =
                FakeLiteRt.Model { inputs ->
                    recorded(inputs).mapValues { (_, values) ->
                        if (values is FloatArray) FloatArray(values.size) else values
                    }
                }
            val units = listOf(ComputeUnit.CPU, ComputeUnit.GPU)
            val models = Models(context, units, folder.newFolder())
            models.open().use { runner ->
                val statuses = checkNotNull(runner.proof).record.results.map { it.status }
                assertEquals(listOf(UnitStatus.PASSED, UnitStatus.FAILED), statuses)
                assertTrue(golden.deviations(golden.run(runner)).isEmpty())
            }
            val update = File(System.getProperty("model.update"))
            assertEquals(null, models.install(update).refusal)
            assertEquals(Refusal.NOT_NEWER, models.install(update).refusal)
            models.open().use { runner ->
                assertEquals(3L, runner.proof?.version)
                assertTrue(golden.deviations(golden.run(runner)).isEmpty())
            }
            val damaged = folder.newFolder()
            update.copyRecursively(damaged, true)
            File(damaged, "update.json").appendText(" ")
            assertEquals(Refusal.WRONG_SIGNATURE, models.install(damaged).refusal)
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

    /** What docs/how-to/kotlin-multiplatform.md shows. */
    @Test
    fun sharedCodeFindsOutWhetherTheModelIsRight() =
        runBlocking {
            val test = selfTestFile(resource(Contract.SELF_TEST))
            val engine = RecordedEngine()
            val right = largestDifference(test) { engine.run(it).outputs }
            assertTrue("$right", right <= test.tolerance)
            val off =
                largestDifference(test) { input ->
                    val outputs = engine.run(input).outputs
                    outputs[0] += 1.1f * golden.tolerance(Contract.OUTPUTS[0].name).toFloat()
                    outputs
                }
            assertTrue("$off", off > test.tolerance && off < 2 * test.tolerance)
            val none = largestDifference(test) { FloatArray(1) }
            assertTrue("$none", none.isInfinite())
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
