"""Lists the names of the fields that answers of the API have, in snake_case.

Called by `partial`, to tell a name that is wrong from one that an answer has left out. Separate because it is a table:
the fields of Google's packages of protos and types that answers are made of, and those of the REST reference that these
lack. Those of the surfaces whose answers are in snake_case (interactions, agents, webhooks) are not in it.
"""

from collections.abc import Sequence

_TEXT = """
active_documents_count adaptation_phrases allowed_function_names answer answerable_probability any_of args
aspect_ratio audio_duration_seconds audio_metadata audio_timestamp audio_transcription audio_transcription_config
author author_attribution auto_mode avg_logprobs base_model base_model_id batch_size batch_stats batches behavior
bidi_generate_content_setup block_reason block_reason_message blocked bool_value cache_tokens_details cached_content
cached_content_token_count cached_contents candidate_count candidates candidates_token_count candidates_tokens_details
category chosen_candidates chunk chunk_id chunk_relevance_score chunks citation_metadata citation_sources citations
code code_execution code_execution_result complete_time compression_quality compute_time computer_use
confidence_scores consent_audio content content_layers contents continuation_token corpora create_time created_at
custom_metadata custom_vocabulary data day default defs description details diarization disable display_name
distance_meters document document_count document_metadata document_name documents domain done download_uri
downloadable duration dynamic_retrieval_config dynamic_threshold email_address embedding embedding_model embeddings
enable_enhanced_civic_answers enable_widget encoded_polyline end_index end_offset end_page end_time enum environment
epoch epoch_count error example examples excluded_predefined_functions executable_code expiration_time expire_time
expires_at failed_count failed_documents_count failed_request_count field_mask fields file file_data file_id file_name
file_search file_search_store file_search_stores file_uri filename files filters finish_message finish_reason finished
first_page format fps frequency_penalty function_call function_calling_config function_declarations function_response
function_responses generate_video_response generated_samples google_maps google_maps_uri
google_maps_widget_context_token google_search google_search_dynamic_retrieval_score google_search_retrieval
grantee_type grounding_attributions grounding_chunk_indices grounding_chunks grounding_metadata grounding_passage
grounding_supports hyperparameters id image image_config image_count image_output_options image_search_queries
image_size image_uri include_server_side_tool_invocations include_thoughts incomplete_count index inline_data
inlined_embed_content_responses inlined_requests inlined_responses input_config input_feedback input_token_limit items
json_path key language language_auto language_code language_codes language_hints last_page lat_lng latitude
learning_rate learning_rate_multiplier level license list_value log_probability log_probability_sum logprobs
logprobs_result longitude manual_mode maps max_items max_length max_output_tokens max_properties max_temperature
maximum mean_loss media_id media_processing media_resolution message messages metadata metadata_filter method
mime_type min_items min_length min_properties minimum modality mode model model_name model_stage model_status
model_version models month multi_speaker_voice_config name nanos new_session_expire_time next_page next_page_token
null_value nullable num_tokens number_value numeric_value operations outcome output output_compression_quality
output_config output_dimensionality output_mime_type output_token_limit output_uri_prefix page_number page_span
parameters parameters_json_schema parent part_index part_metadata partial_args parts passage_id paths pattern
pending_documents_count pending_request_count permissions person_generation photo_uri place_answer_sources place_id
prebuilt_voice_config predictions presence_penalty priority probability probability_score prominent_people
prompt_feedback prompt_token_count prompt_tokens_details properties property_ordering publication_date rag_chunk
rag_store_name rai_media_filtered_count rai_media_filtered_reasons rating reader_project_numbers reason ref
relative_publish_time_description relevant_chunks rendered_content rendered_parts replicated_voice_config
request_count requests required response response_id response_json_schema response_logprobs response_mime_type
response_modalities response_schema response_token_count response_tokens_details responses responses_file
retirement_time retrieval_config retrieval_metadata retrieval_queries retrieval_resources retrieved_context
retrieved_url review review_id review_snippet review_snippets role route safety_feedback safety_ratings
safety_settings scheduling schema sdk_blob search_entry_point seconds seed segment semantic_retriever_chunk
service_tier setting setup severity severity_score sha256_hash sheet_index signature size_bytes snapshots source
source_id source_text source_uri speaker speaker_label speaker_voice_configs speech_config speech_metadata
spreadsheet_metadata start_index start_offset start_page start_time state statistics status step stop_sequences store
stream_function_call_arguments string_list_value string_value struct_value style successful_count
successful_request_count supported_generation_methods system_instruction task_type temperature text text_count
text_input texts thinking thinking_budget thinking_config thinking_level thought thought_signature
thoughts_token_count threshold time_range_filter title token token_count token_id tokens_details tool_call tool_config
tool_response tool_type tool_use_prompt_token_count tool_use_prompt_tokens_details tools top_candidates top_k top_p
total_token_count total_tokens training_data truncated ttl tuned_model tuned_model_source tuned_models tuning_task
type type_url update_mask update_time uri url_context url_context_metadata url_metadata url_retrieval_status
usage_metadata uses value values version video video_duration video_duration_seconds video_metadata visible_cells
voice voice_config voice_consent_signature voice_name voice_sample_audio web web_search_queries will_continue word
word_timestamp words year
"""
_NAMES = frozenset(_TEXT.split())
_FREE = frozenset(
    ("args", "metadata", "parameters_json_schema", "properties", "response", "response_json_schema", "struct_value")
)
"""Below these, names are the user's own."""


def known(path: Sequence[str]) -> bool:
    """Whether each name of a path, in snake_case, is one of an answer, or `*`."""
    for name in path:
        if name in _FREE:
            return True
        if name != "*" and name not in _NAMES:
            return False
    return True
