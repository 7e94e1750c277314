import XCTest

@testable import ModelPrediction

/// Texts give the tokens that they give in Python.
final class TokenizerTests: XCTestCase {
  func testEveryText() throws {
    let tokenizer = try Tokenizer.packaged()
    let texts = try XCTUnwrap(Golden.load().texts)
    XCTAssertFalse(texts.isEmpty)
    for each in texts { XCTAssertEqual(tokenizer.tokens(for: each.text), each.tokens, each.text) }
  }

  func testAVocabularyOfAnotherSizeIsRefused() {
    XCTAssertThrowsError(try Tokenizer(vocabulary: "one\ntwo\n"))
  }
}
